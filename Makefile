# run: the solved notebook on the drawn world, results in outputs/    lab: JupyterLab on it
# further: what comes after the course, from its checkpoint, results in outputs/further/
# learn: JupyterLab on the learners' copy    handout: what learners get, as outputs/handout.zip
# test: the tests    notebooks: all notebooks and pictures from their sources    bench: how fast this machine is
# app: a page to try the trained decoder on photos    settings: the page of all settings from their fields
# soak: 20 minutes of the whole way through kills, damage, full disks and a broken line (Linux)
PYTHON ?= python3
BIN := .venv/bin
NOTEBOOK := week6_final_project_image_captioning.ipynb

.PHONY: run further test lab learn app handout notebooks settings bench soak

run: .venv/run.done
	$(BIN)/python -m course.execute $(NOTEBOOK) "$${CAPTION_OUTPUT_DIR:-outputs}/notebook.ipynb"

further: .venv/run.done
	$(BIN)/python -m course.execute going_further.ipynb "$${CAPTION_OUTPUT_DIR:-outputs}/further/notebook.ipynb" --folder .

test: .venv/dev.done
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lab: .venv/run.done
	$(BIN)/python -m jupyterlab --notebook-dir=. $(NOTEBOOK)

learn: .venv/run.done
	$(BIN)/python -m jupyterlab --notebook-dir=. student/$(NOTEBOOK)

app: .venv/app.done
	$(BIN)/python app.py

handout: .venv/dev.done
	$(BIN)/python -m course.handout outputs/handout.zip

# Builds the notebooks from course/, and fills the two that are shown solved from a run on the drawn world. That run also
# gives the pictures in docs/, which the notebooks hold: they are built once more, and keep their outputs.
notebooks: .venv/dev.done
	$(BIN)/python -m course.build
	$(BIN)/python -m course.execute $(NOTEBOOK) $(NOTEBOOK)
	$(BIN)/python -m course.execute going_further.ipynb going_further.ipynb
	$(BIN)/python -m course.pictures outputs
	$(BIN)/python -m course.build

settings: .venv/run.done
	$(BIN)/python -m captioning.settings > docs/settings.md

bench: .venv/bench.done
	$(BIN)/python -m benchmarks.embedding
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.captioning
	$(BIN)/python -m benchmarks.scores

soak: .venv/dev.done
	$(BIN)/python -m tests.rehearsal.soak

# project.pth lets a notebook in any folder import the package. Its path is relative, so the folder may be renamed.
.venv/run.done: requirements.txt
	$(PYTHON) -c "import sys; (3, 10) <= sys.version_info < (3, 14) or sys.exit('Python 3.10 to 3.13 is needed, and \
	this is ' + sys.version.split()[0] + '. Name another one: make PYTHON=python3.12 …')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -c "import os, sysconfig; site = sysconfig.get_path('purelib'); \
	open(os.path.join(site, 'project.pth'), 'w').write(os.path.relpath('.', site))"
	touch $@

.venv/bench.done: requirements-bench.txt .venv/run.done
	$(BIN)/python -m pip install --quiet --requirement requirements-bench.txt
	touch $@

.venv/app.done: requirements-app.txt .venv/run.done
	$(BIN)/python -m pip install --quiet --requirement requirements-app.txt
	touch $@

.venv/dev.done: requirements-dev.txt requirements-app.txt .venv/run.done
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	touch $@
