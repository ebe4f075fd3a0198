"""A plugin with a missing requirement."""

import a_module_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401
