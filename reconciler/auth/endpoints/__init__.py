"""The families of endpoints of Globus Auth, one class in one module each; `AuthClient` is all of them."""
