"""What several tests share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT.parent / "shared" / "coco_sample"     # real photos; where they are absent, tests that use them skip
