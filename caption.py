"""Writes captions for photos: python caption.py photo.jpg folder photos.zip."""

from captioning import startup  # first: it names a file that hides a module

# isort: split
import argparse
import sys
from pathlib import Path


def options_of(arguments):
    """The command line's options. arguments: list of words; those of the process if None."""
    parser = argparse.ArgumentParser(
        prog="python caption.py", description="Writes a caption for each photo, by a trained decoder. Photos that "
        "can't be read are listed at the end, and the exit status is then 1.")
    parser.add_argument("photos", nargs="+", metavar="PHOTO_OR_FOLDER",
                        help="photos, folders of photos, zips of photos")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR",
                        help="checkpoint, or folder of checkpoints (default: the decoder that was trained last)")
    parser.add_argument("--beam", type=int, default=3, metavar="N", help="width of the beam search (default: 3)")
    parser.add_argument("--top", type=int, default=1, metavar="N",
                        help="captions for each photo, best first (default: 1)")
    results = parser.add_mutually_exclusive_group()
    results.add_argument("--json", type=Path, metavar="FILE", help="write the captions to this file, as JSON")
    results.add_argument("--csv", type=Path, metavar="FILE", help="write the captions to this file, as a table")
    options = parser.parse_args(arguments)
    if not 1 <= options.top <= options.beam:
        parser.error(f"--top is {options.top} and --beam is {options.beam}; expected 1 <= top <= beam.")
    return options


def main(arguments=None):
    """Runs the command line. An error ends it with one sentence.

    Args:
        arguments: list of words; those of the process if None.
    """
    options = options_of(arguments)
    with startup.hushed(), startup.modules_hidden(startup.EXTRAS_OF_KERAS):     # after --help, which should be quick
        from captioning.decoding import photo_captions
        from captioning.decoding.writer import CaptionWriter
    from tqdm.auto import tqdm

    from captioning.settings import Settings
    from captioning.storage import files

    captions, broken = {}, {}
    try:
        photos, settings = photo_captions.ChosenPhotos(options.photos), Settings.from_environment()
        # The notebook runs in the project's folder, so a relative root is there too.
        root = Path(__file__).resolve().parent / settings.checkpoint_root
        checkpoint = options.checkpoint or photo_captions.newest_run(root)
        writer = CaptionWriter.from_checkpoint(checkpoint, settings.max_len)
        encoder = photo_captions.encoder_of(writer.recipe, settings.encoder_weights)
        found = photo_captions.caption_all(photos, encoder, writer, options.beam)
        for name, each in tqdm(found, total=len(photos.names), unit="photo", disable=len(photos.names) < 64):
            if isinstance(each, str):
                broken[name] = each
                continue
            captions[name] = [str(caption) for caption in each[:options.top]]
            if not (options.json or options.csv):
                tqdm.write("\n".join(f"{name}\t{caption}" for caption in captions[name]))
        if options.json:
            files.write_json(options.json, [{"image": name, "captions": each} for name, each in captions.items()])
        if options.csv:
            files.write_text(options.csv, photo_captions.as_csv(captions))
    except BrokenPipeError:         # nobody reads our output any more
        raise
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    if broken:
        sys.exit(f"{len(broken):,} of {len(photos.names):,} photos can't be read:\n"
                 + "\n".join(f"{name} {reason}" for name, reason in broken.items()))


if __name__ == "__main__":
    main()
