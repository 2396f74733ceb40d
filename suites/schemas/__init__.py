"""The documents that we write for other programs, judged by the schemas which those publish."""
