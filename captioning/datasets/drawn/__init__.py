"""How the drawn world is made: its scenes, their captions, and how each thing and place is drawn."""
