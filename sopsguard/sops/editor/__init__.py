"""Writes SOPS files: encrypts new ones and changes what is there, bytes in, bytes out."""

from sopsguard.sops.editor.edit import Set, Unset, edit
from sopsguard.sops.editor.new import FORMATS, SOPS_VERSION, CannotEncrypt, encrypt
from sopsguard.sops.editor.refusal import CannotEdit, Command, Why
from sopsguard.sops.editor.rekey import rotate, update_keys

__all__ = [
    "FORMATS",
    "SOPS_VERSION",
    "CannotEdit",
    "CannotEncrypt",
    "Command",
    "Set",
    "Unset",
    "Why",
    "edit",
    "encrypt",
    "rotate",
    "update_keys",
]
