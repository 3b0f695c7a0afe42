"""The documentation of installed packages, read from their files; nothing is imported or run.

`modules` reads one file, `api` finds the public names of a package, `docs` keeps and searches them.
"""
