"""`weft trigger resume`"""

from weft.cli.documents import RESUME_TRIGGER
from weft.cli.options import AsJson, TriggerName, Url
from weft.cli.triggers import change_trigger


def command(name: TriggerName, *, as_json: AsJson = False, url: Url = None) -> None:
    change_trigger(url, RESUME_TRIGGER, name, as_json=as_json)
