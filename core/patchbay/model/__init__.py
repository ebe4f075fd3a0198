"""The unified conversation model: frozen values and documents, no IO."""
