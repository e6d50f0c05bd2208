"""The connected stations of this process: socket, session and command queue of each one."""
