"""Where the data is: downloads, photos in zips, captions, the drawn world, and the tokens that are no words."""
