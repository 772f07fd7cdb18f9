"""A page to try the trained decoder on photos: python app.py. Only this computer can open it."""

from captioning import startup  # first: it names a file that hides a module

# isort: split
import argparse
import os
import socket
import sys
from pathlib import Path

QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
ABOUT = """# Captions for a photo
Drop a photo. The decoder of the last run writes captions for it. The number below a word is the probability, in per
cent, that the decoder gave it."""
HOST = "127.0.0.1"                      # this computer alone
FONT = "system-ui", "sans-serif"        # fonts of this computer: the page fetches nothing
KEPT = 3600                             # seconds that Gradio keeps a photo in its temporary folder


def options_of(arguments):
    """The command line's options. arguments: list of words; those of the process if None."""
    parser = argparse.ArgumentParser(
        prog="python app.py", description="Shows a page to try the decoder that a run of the notebook trained. The "
        "CAPTION_… settings are those of that run.")
    parser.add_argument("--port", type=int, help="port of the page (default: the first free one from 7860 on)")
    options = parser.parse_args(arguments)
    if options.port is not None and not 0 < options.port < 65536:
        parser.error(f"--port is {options.port}; expected 1 to 65535.")
    return options


def require_free(port: int):
    """Raises OSError if another program has this port."""
    with socket.socket() as tried:
        if tried.connect_ex((HOST, port)) == 0:
            raise OSError(f"Port {port} is in use. Name another one with --port, or leave --port out.")


def page(tried):
    """The page, as Gradio's Blocks. tried: TriedPhotos."""
    import gradio as gr

    with gr.Blocks(title="Captions for a photo", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as blocks:
        gr.Markdown(ABOUT)
        embedding = gr.State()
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                photo, shown = gr.File(label="Photo", file_types=["image"], height=150), gr.HTML()
            with gr.Column(scale=3, min_width=280):
                captions = gr.HTML()
                temperature = gr.Slider(0.1, 2, 1, step=0.1, label="Temperature of sampled captions")
                again, sampled = gr.Button("Sample again"), gr.HTML()
        nearest = gr.HTML()
        looked = gr.on((photo.upload, photo.clear), tried.look, photo, [embedding, shown, captions, nearest],
                       api_name="look")
        for event in (looked.then, temperature.release, again.click):
            event(tried.sample, [embedding, temperature], sampled, api_name="sample")
    return blocks


def main(arguments=None):
    """Runs the command line until Ctrl+C. An error ends it with one sentence.

    Args:
        arguments: List of words; those of the process if None.
    """
    options = options_of(arguments)
    os.environ |= QUIET                 # read when Gradio is imported
    with startup.hushed():              # after --help, which should be quick
        from captioning.decoding.finished_course import finished_course
        from captioning.decoding.photo_captions import encoder_of
    from captioning.datasets.photo_folder import open_photos
    from captioning.datasets.photo_zip import MAX_PHOTO_BYTES
    from captioning.figures.tried_photo import TriedPhotos
    from captioning.settings import Settings

    try:
        import gradio as gr

        if options.port:
            require_free(options.port)
        os.chdir(Path(__file__).resolve().parent)       # where the notebook runs, so relative paths mean the same
        settings = Settings.from_environment()
        course = finished_course(settings)
        encoder = encoder_of(course.writer.recipe, settings.encoder_weights)
        with open_photos(course.train.photos) as photos:
            blocks = page(TriedPhotos(course, encoder, photos))
            theme = gr.themes.Default(primary_hue="blue", font=FONT, font_mono=FONT)
            _, address, _ = blocks.launch(
                server_name=HOST, server_port=options.port, share=False, footer_links=[], run_history=False,
                ssr_mode=False, max_file_size=MAX_PHOTO_BYTES, theme=theme, quiet=True, prevent_thread_lock=True)
            print(f"Open {address} in a browser. Ctrl+C ends the page.", flush=True)
            blocks.block_thread()
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. Install what the page needs: python -m pip install -r requirements-app.txt")
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
