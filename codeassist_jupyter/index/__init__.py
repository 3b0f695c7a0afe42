"""The project's own code, notebooks and documents, found and split for search.

Read in this order: discover → parse → chunk → embed → store; `build` runs them.
"""
