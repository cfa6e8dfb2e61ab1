"""A cloud whose SDK is not installed."""

import no_such_sdk_anywhere  # type: ignore[import-not-found]  # noqa: F401 -- that is the point
