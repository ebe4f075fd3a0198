"""What the Meta channels share: signature, handshake, reading Graph answers, the error tables. No IO, no hooks."""
