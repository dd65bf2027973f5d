//! The agent, its proxy and the commands, as a user has them.

mod api;
mod canary;
mod crowd;
mod environment;
mod evidence;
mod heartbeats;
mod life;
mod one_shot;
mod outage;
mod profiles;
mod replay;
mod shutdown;
mod strangers;
