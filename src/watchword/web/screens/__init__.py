"""How pages are drawn: templates, words of each language, colours, and the files that they load.

``templates`` are of jinja2; ``languages`` hold a file for each language but English; ``static`` is
what a page loads. Nothing here knows what a page is about.
"""
