"""The words that say what a number is: an order, a code, or something else."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mmcs.ticket import EntityKind


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.ASCII)


_NO = r"\s?(?:number|no\b\.?|nr\b\.?|code|id\b|#)"
_IS = r"(?:\s?(?:is|was|says|reads|uh|um|are|our|it's|是|为|為)?[,:：，#\s]{1,2}|[是为為]){0,4}"

# A word that a short code needs near it, in whatever order.
SAYS_KIND: Mapping[EntityKind, re.Pattern[str]] = {
    "tracking": _any("track|shipment|parcel n|waybill|运单|快递|物流|運單|快遞"),
    "serial": _any(r"serial|\bs/?n\b|序列|机身号|機身號"),
    "return": _any(r"\breturn|\brma\b|退货|退貨|退单"),
    "error": _any(
        r"error|code|display|screen|says|saying|show|giv(?:es|ing)|blink|fault|message",
        r"错误|錯誤|报|報|显示|顯示|代码|故障",
    ),
}

# Right before a code: then it need not be of the domain's form.
NAMES_CODE: Mapping[EntityKind, re.Pattern[str]] = {
    "tracking": _any(
        rf"\b(?:tracking|shipment|waybill){_NO}{_IS}",
        rf"(?:运单|快递单|物流单|運單|快遞單)[编編]?[号號][码碼]?{_IS}",
    ),
    "serial": _any(rf"\bserial{_NO}{_IS}", rf"\bs/?n\b{_IS}", rf"序列[号號][码碼]?{_IS}"),
    "return": _any(
        rf"\b(?:return|rma){_NO}{_IS}", rf"\brma{_IS}", rf"退[货貨][单單]?[编編]?[号號][码碼]?{_IS}"
    ),
}

# F2 is a key too, E27 a lamp's socket, E14 a part of London.
NO_ERROR_BEFORE = _any(
    r"\b(?:press|pressing|keys?|hit|sockets?|size|model|paper|lamps?|bulbs?)(?:\s(?:is|are|an?|the))?\W{1,2}$"
)
NO_ERROR_AFTER = _any(
    r"^\W{1,2}(?:key|bulb|lamp|socket|light bulb|thread|\d[A-Z]{2}\b)", r"^\s?(?:灯|螺口|键|鍵)"
)

# The name of the group says how surely an order number follows.
ORDER = _any(
    r"(?P<sure>\b(?:order|purchase|booking|confirmation)s?(?:'s)?[ -]?"
    r"(?:#|(?:numbers?|(?:nos?|nr|num|id)(?![a-z])\.?|code|ref(?:erence)?)(?:\s?(?:number|no\b\.?))?)",
    r"(?:订单|訂單|订购|定单)(?:[编編]?[号號])[码碼]?|(?<![运递流货貨運遞])[单單][号號][码碼]?)",
    r"(?P<order>\borders?\b|订单|訂單)",
    r"(?P<ordered>\bordered\b|\bpurchase\b)",
    r"(?P<sign>(?<![\w#])#|№)",
    r"(?P<number>\bnumber\b)",
)
GAP = {"sure": 45, "order": 25, "ordered": 25, "number": 20, "sign": 1}  # characters, at most
WISHES = _any(r"\b(?:want|wanted|like|need|going|planning|trying|wish|able|how)\s+to\s$")

# What else a number near such a word may be.
OTHER = _any(
    r"\b(?:zip|postal|post ?code|street|avenue|apt|apartment|flat|unit|suite|house|room|building",
    r"gate|door|phone|telephone|mobile|cell|tel|fax|call|vat|tax|card|account|version|firmware|model|part",
    r"serial|tracking|return|rma|ean|lot|sku|article|item|iban|bank|gift|bus|flight|queue|member|total",
    r"price|costs?|paid|worth)\b",
    r"邮编|郵編|门牌|電話|电话|手机|税号|卡号|序列|运单|快递|退货|单元|房号|型号|金额|编码",
)
UNIT = _any(
    r"^[\s-]?(?:units?|pieces|pcs|feet|ft|steps|rpm|pa|m?ah|k?wh?|watts?|kilo\w*|km|miles|mi|kg|lbs?",
    r"hours?|hrs?|minutes?|mins?|days?|weeks?|months?|years?|times|reviews?|people|points|customers",
    r"items|boxes|percent|dollars|volts?|square|sq|of)\b",
    r"^\s?(?:[%％$€£]|元|块|台|件|个|小时|天|次|米|份|套|美元)",
    r"^(?-i:(?:\s[A-Z][a-z]+){1,2}\s(?:St|Ave|Road|Rd|Blvd|Lane|Ln|Drive|Dr|Way|Court)(?:reet|nue)?\b)",
)
AFTER = _any(  # "48213 is my order", 48213这个订单
    r"^\s?(?:[,，]\s?)?(?:(?:that's|that is|is|was|are|would be)\s)?(?:(?:my|our|the|that)\s)"
    r"(?:\w+\s)?orders?\b",
    r"^[\s,.?!]{0,3}(?:I\s)?ordered\b",
    r"^\s?(?:这个|這個|那个|的|这一?|号|是我?的?)(?:订单|訂單|单)|^\s?(?:订单|訂單)",
)
LISTED = _any(
    r"\s{0,2}(?:[,，、&/+]|and\b|or\b|和|及|跟|还有|與|与){0,3}\s{0,2}(?:#|number\s|no\.?\s)?\s?"
)

CALL = _any(
    r"phone|\bcall|\bcell|mobile|\breach|\btel\b|\bring\b|\btext me|\bnumber\b|\bdial",
    r"电话|手机|電話|手機|联系|聯繫|号码|號碼|打(?!折|开|印)",
)
CALLED = _any(r"^,?\s(?:is|are|that's)\s(?:my|the|our)\s(?:\w+\s)?(?:number|phone|cell|mobile)")
WRITE = _any(r"e-?mail|mail|reach|write|contact|address|邮箱|邮件|郵箱")
