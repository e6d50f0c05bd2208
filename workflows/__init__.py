"""The middle room: what a command is, how it is decided and how it is carried through.

`domain` is pure. Workflow files orchestrate. Activities are declared here and implemented where
the thing is. Nothing is imported in this file: it is loaded again for every workflow run.
"""
