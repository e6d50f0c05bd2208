"""What is told of commands to people, as the contract's messages: explanations, reports. Pure."""
