//! What people have already, with the tools' own clients: helpers, libraries in other languages, packages.

