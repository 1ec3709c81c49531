"""From a picture to the words that stand in it."""
