"""What goes over the WebSocket, and to whom."""
