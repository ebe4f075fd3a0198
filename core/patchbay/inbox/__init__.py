"""The inbox: the rules that fold what happens into conversations. No IO."""
