"""The explanation of a command: all of ExplainCommand behind its servicer.

step.py       what one step of an explanation is
notes.py      what is noted while a command runs, because nothing else records it
writing.py    writes a note, in the transaction of what it notes
changes.py    the steps that the command's changes in the event log give
frames.py     the steps that the frames on the wire give, and how a frame is shown
ordering.py   puts the steps of all three into one order
reading.py    reads the three tables and returns the explanation
words.py      facts and spans of time as texts
"""
