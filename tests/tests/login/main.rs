//! From nothing to a living credential: logins at servers that nobody here wrote, and at hostile ones.

mod agent;
mod code;
mod device;
mod dpop;
mod driver;
mod headless;
mod hostile;
mod logout;
mod registration;
mod resource;
mod strangers;
mod world;
