"""Files as people of NixOS, SOPS and Kubernetes write them: with a secret in clear, and with none."""
