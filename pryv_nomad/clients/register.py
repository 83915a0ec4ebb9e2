"""The register's administration calls: how many users each core has.

`GET /admin/servers` with the admin key in the Authorization header answers {"servers": {"co1.pryv.example": 12}}; a
core without users is not in it (service-register, `src/routes/admin.js`, getServers of `src/storage/users.js`). The key
goes into a header, never into the address, which proxies log.
"""

from __future__ import annotations

from pryv_nomad.errors import ApiError, Unauthorized, Unreachable

TIMEOUT_S = 15.0


class Register:
    """The register of one platform. `url`: https://reg.DOMAIN; `ca`: a file of authorities, default the system's."""

    def __init__(self, url: str, key: str, ca: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._verify: str | bool = ca or True
        self._timeout_s = timeout_s

    def users(self) -> dict[str, int]:
        """Host name of a core → users on it. Raises Unreachable, Unauthorized, ApiError; none holds the key."""
        import requests

        place = f"{self._url}/admin/servers"
        try:
            answer = requests.get(
                place,
                headers={"Authorization": self._key},
                timeout=self._timeout_s,
                verify=self._verify,
                allow_redirects=False,
            )
        except requests.exceptions.SSLError:
            raise Unreachable(
                f"{place}: its certificate is not trusted", "name its authority with --register-ca"
            ) from None
        except requests.exceptions.RequestException as error:
            raise Unreachable(f"{place}: no answer ({type(error).__name__})", "is the registry up?") from None
        if answer.status_code in (401, 403):
            raise Unauthorized(f"{place}: the register refuses REGISTER_ADMIN_KEY", status=answer.status_code)
        return _counts(place, answer.status_code, answer.content)


def _counts(place: str, status: int, body: bytes) -> dict[str, int]:
    import json

    try:
        found = json.loads(body)["servers"] if status == 200 else None
        if isinstance(found, dict):
            return {str(name): int(count) for name, count in found.items()}
    except (ValueError, KeyError, TypeError):
        found = None
    raise ApiError(f"{place}: not the register's answer (HTTP {status})", "is this the register?", status=status)
