"""JSON pages, one module per flow: input values in, a flow called, its outcome as an answer."""
