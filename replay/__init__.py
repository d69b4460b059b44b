"""Records: find, download, read, play in real time; the demo record; annotations out."""
