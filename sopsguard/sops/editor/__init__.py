"""Writes SOPS files: encrypts new ones and changes what is there, bytes in, bytes out."""

from sopsguard.sops.editor.editing import Change, Set, Unset, edit
from sopsguard.sops.editor.mending import mend, rescope
from sopsguard.sops.editor.new import FORMATS, SOPS_VERSION, CannotEncrypt, encrypt
from sopsguard.sops.editor.refusal import CannotEdit, Command, Why
from sopsguard.sops.editor.rekeying import rotate, update_keys
from sopsguard.sops.editor.sealing import seal

__all__ = [
    "FORMATS",
    "SOPS_VERSION",
    "CannotEdit",
    "CannotEncrypt",
    "Change",
    "Command",
    "Set",
    "Unset",
    "Why",
    "edit",
    "encrypt",
    "mend",
    "rescope",
    "rotate",
    "seal",
    "update_keys",
]
