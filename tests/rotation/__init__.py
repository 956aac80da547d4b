"""The schedule of the policy, and the rules about age and revocation."""
