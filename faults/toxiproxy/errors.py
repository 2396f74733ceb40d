"""What Toxiproxy answers when it refuses, in its own words."""


class ApiError(Exception):
    """An answer with an HTTP status of 400 or more."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_request(reason: object) -> ApiError:
    """The body cannot be understood."""
    return ApiError(400, f"bad request body: {reason}")


def missing_field(name: str) -> ApiError:
    """The body lacks something."""
    return ApiError(400, f"missing required field: {name}")


def proxy_not_found() -> ApiError:
    """No proxy has this name."""
    return ApiError(404, "proxy not found")


def proxy_exists() -> ApiError:
    """Another proxy has this name."""
    return ApiError(409, "proxy already exists")


def invalid_stream() -> ApiError:
    """A toxic works upstream or downstream."""
    return ApiError(400, "stream was invalid, can be either upstream or downstream")


def invalid_type() -> ApiError:
    """There is no such toxic."""
    return ApiError(400, "invalid toxic type")


def toxic_exists() -> ApiError:
    """Another toxic of the proxy has this name."""
    return ApiError(409, "toxic already exists")


def toxic_not_found() -> ApiError:
    """No toxic of the proxy has this name."""
    return ApiError(404, "toxic not found")
