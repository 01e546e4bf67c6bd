"""What pictures become before sets of them are compared: features of trained networks, or plain pixels."""
