"""The safety checks before a deployment (O9): docs/safety.md. `make safety` runs all four parts.

finding     what a check finds
pages       which pages there are, and which files they load: the one list for lint and build
tools       Node's tools, pinned in frontend/package-lock.json
lint        1. front-end lint
build       2. front-end build
syntax      3. back-end syntax; loading: the app under the host's rules
gate        4. the safety gate, of five checks: critical, locks, secrets, holes, licenses
"""
