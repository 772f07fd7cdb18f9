"""The gallery of good and bad captions: choosing examples, the page, the figure."""
