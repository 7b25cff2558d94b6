"""The login of a person: made in a browser, kept in the keyring or in a private file, ended by revoking it."""

from reconciler.login.demands import Demands
from reconciler.login.flow import Way, by_redirect, log_in, log_out, pasted
from reconciler.login.keep import Keep, Login
from reconciler.login.who import ask

__all__ = ["Demands", "Keep", "Login", "Way", "ask", "by_redirect", "log_in", "log_out", "pasted"]
