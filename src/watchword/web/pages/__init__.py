"""What people see: pages in HTML that work without a script, in the ``session`` transport.

To add a page: a line in `routes.PAGES`, a function in the module that is named like its flow, in
`watchword.web.screens` a template of the same name, and its words in each of the languages. Nothing
here decides: pages call the flows that `watchword.web.api` calls, and say what became of it.
"""
