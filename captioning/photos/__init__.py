"""From the bytes of a photo to the square that the encoder sees."""
