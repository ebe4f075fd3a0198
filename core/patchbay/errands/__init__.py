"""What providers are asked and told beside messages. No message waits for any of it, and none fails by it."""
