"""Posts the news of commands to their receivers: choose, sign, post, understand the answer."""
