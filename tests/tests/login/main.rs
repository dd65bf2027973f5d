//! From nothing to a living credential: logins at servers that nobody here wrote, and at hostile ones.

mod driver;
