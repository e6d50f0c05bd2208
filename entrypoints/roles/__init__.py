"""How each role of a process is started. A process loads the files of its own roles alone."""
