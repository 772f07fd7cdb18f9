# JupyterLab with the learners' notebook. It runs as a user without rights.
#   docker build -t captioning .
#   docker run --rm -p 127.0.0.1:8888:8888 -v captioning:/home/learner/project captioning
# It prints an address with a token, which is new at each start. Only this computer can reach it. The volume keeps the
# notebook and the results. JupyterLab's file browser shows the project's folder: a right click downloads
# outputs/gallery.html.
FROM python:3.12.12-slim-bookworm
RUN useradd --create-home learner
USER learner
RUN mkdir /home/learner/project
WORKDIR /home/learner/project
COPY --chown=learner requirements.txt .
RUN python -m venv /home/learner/venv && /home/learner/venv/bin/python -m pip install --no-cache-dir --requirement requirements.txt
ENV PATH=/home/learner/venv/bin:$PATH
COPY --chown=learner . .
EXPOSE 8888
CMD ["python", "-m", "jupyterlab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=.", \
     "student/week6_final_project_image_captioning.ipynb"]
