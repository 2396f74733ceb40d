"""The version of the project, told to clients, and read by the build.

A constant, since to ask the installed package's metadata for it costs 3 MB and some milliseconds.
"""

VERSION = "0.1.0"
