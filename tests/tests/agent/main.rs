//! The agent, its proxy and the commands, as a user has them.

mod activation;
mod api;
mod canary;
mod crowd;
mod day;
mod environment;
mod evidence;
mod heartbeats;
mod life;
mod one_shot;
mod openapi;
mod outage;
mod page;
mod pictures;
mod profiles;
mod reload;
mod replay;
mod seeds;
mod shutdown;
mod single;
mod sinks;
mod strangers;
mod watch;
