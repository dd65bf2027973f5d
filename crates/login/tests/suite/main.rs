//! What a login does and believes, from outside.

mod corpus;
