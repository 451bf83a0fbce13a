"""Chinese order contacts with their truth, and the noise that people and channels put on them.

Estates, streets, cities and names are others than those of the set the matching was tuned on. A contact is written out
in full first; noise is then done to its text, so that the same noise can be put on any set a second time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from random import Random

import msgspec

from engine.intake.normalise.text import sound


class Contact(msgspec.Struct):
    """Who ordered and where to; `merge` names the person at the address. `noise` is what was done to it."""

    person: str
    merge: str
    name: str
    phone: str
    address: str
    noise: tuple[str, ...] = ()


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万"
_COMPOUND = ("欧阳", "上官", "司马", "诸葛", "皇甫", "慕容", "司徒")
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国红梅志鹏云飞晨宇浩然子轩欣怡雨桐思远嘉宁文博佳琪俊凯雪莹海燕振东晓琳天佑若曦淑珍立新春生金凤永福少卿"
_PLACES = (
    "浙江省 温州市 鹿城区 瓯海区", "浙江省 嘉兴市 南湖区 秀洲区", "江苏省 无锡市 梁溪区 滨湖区", "江苏省 常州市 天宁区 武进区",
    "广东省 佛山市 禅城区 顺德区", "广东省 东莞市", "福建省 福州市 鼓楼区 晋安区", "福建省 厦门市 思明区 湖里区",
    "湖南省 长沙市 岳麓区 雨花区", "河南省 郑州市 金水区 中原区", "河北省 石家庄市 长安区 裕华区", "辽宁省 大连市 沙河口区 甘井子区",
    "安徽省 合肥市 蜀山区 包河区", "江西省 南昌市 东湖区 红谷滩区", "云南省 昆明市 五华区 盘龙区", "重庆市 重庆市 渝中区 江北区",
    "天津市 天津市 和平区 南开区", "上海市 上海市 闵行区 静安区", "陕西省 西安市 莲湖区 灞桥区", "山东省 济南市 历下区 市中区",
)  # fmt: skip
_STREETS = tuple(_pairs("民生五四八一珠江湘江延安工农团结幸福太湖洞庭黄山泰山衡山五羊迎春红旗友谊北京南京"))
_WAYS = ("路", "街", "大道", "东路", "西路", "中路", "北街")
_TOWNS = ("清河街道", "城东街道", "石桥镇", "白沙街道", "新港街道", "柳林镇", "", "", "", "")
_ESTATES = tuple(_pairs("翠湖金桂橡树绿岛天鹅书香康桥奥林碧水银河荷塘枫林铂悦云锦和谐富力首创中梁雅居海棠"))
_KINDS = ("花园", "家园", "公寓", "华庭", "名邸", "雅居", "苑", "国际", "公馆", "城", "小镇", "里")
_PREFIXES = ("130", "135", "136", "137", "138", "139", "150", "158", "159", "177", "186", "188", "189", "198")
_REMARKS = (
    " 菜鸟驿站",
    "送货前打电话",
    "(放快递柜)",
    " 放门口",
    "（电联）",
    "(工作日送)",
    "，周末送",
    " 请放丰巢",
)
_TITLES = ("先生", "女士", "小姐", "老师")
_TAGS = ("（家）", "(公司)", "收", "代收", "(收)")


def contacts(people: int, seed: int, noise: float = 1.0) -> list[Contact]:
    """About 2.7 orders a person, with households, neighbours, namesakes and shared phones among them; each with the
    usual rates of noise × `noise`. The same for the same arguments."""
    draw = Random(f"contacts {seed}")
    made: list[Contact] = []
    home = phone = surname = ""
    for number in range(people):
        kin = bool(home) and draw.random() < 0.10
        if not kin:
            surname = draw.choice(_COMPOUND) if draw.random() < 0.03 else draw.choice(_SURNAMES)
        elif draw.random() < 0.5:
            surname = draw.choice(_SURNAMES)
        name = surname + "".join(draw.choices(_GIVEN, k=2 if draw.random() < 0.75 else 1))
        if not kin or draw.random() < 0.6:
            phone = _mobile(draw)
        if not kin:
            home = _neighbour(draw, home) if home and draw.random() < 0.05 else _address(draw)
        second, homes = _mobile(draw), [home] + ([_address(draw)] if draw.random() < 0.12 else [])
        for _ in range(1 + min(int(draw.expovariate(0.6)), 7)):
            at = draw.randrange(len(homes))
            clean = Contact(f"P{number}", f"P{number}_{at}", name, phone, _restyled(draw, homes[at]))
            if draw.random() < 0.033 * noise:
                clean.phone, clean.noise = second, ("phone2",)
            made.append(noisy(clean, draw, noise))
    draw.shuffle(made)
    return made


def noisy(contact: Contact, draw: Random, times: float = 1.0) -> Contact:
    """The contact with every kind of noise done to it at its usual rate × `times`."""
    for kind, (rate, spoil) in NOISE.items():
        if draw.random() < rate * times:
            spoilt = msgspec.structs.replace(contact)
            spoil(spoilt, draw)
            if (spoilt.name, spoilt.phone, spoilt.address) != (contact.name, contact.phone, contact.address):
                contact = msgspec.structs.replace(spoilt, noise=(*contact.noise, kind))
    return contact


def _mobile(draw: Random) -> str:
    return draw.choice(_PREFIXES) + f"{draw.randrange(10**8):08d}"


def _address(draw: Random) -> str:
    province, city, *districts = draw.choice(_PLACES).split()
    head = (province if province != city else "") + city + (draw.choice(districts) if districts else "")
    road = f"{draw.choice(_STREETS)}{draw.choice(_WAYS)}{draw.randrange(1, 999)}号"
    estate = draw.choice(_ESTATES) + draw.choice(_KINDS)
    unit = f"{draw.randrange(1, 5)}单元" if draw.random() < 0.6 else ""
    room = f"{draw.randrange(1, 30)}{draw.randrange(1, 9):02d}室"
    return f"{head}{draw.choice(_TOWNS)}{road}{estate}{draw.randrange(1, 31)}号楼{unit}{room}"


def _neighbour(draw: Random, home: str) -> str:
    """The flat next door, or the next building."""
    if draw.random() < 0.5:
        return re.sub(r"(\d+)室$", lambda found: f"{int(found[1]) + draw.choice((1, 2, 100))}室", home)
    return re.sub(r"(\d+)号楼", lambda found: f"{int(found[1]) + 1}号楼", home)


def _restyled(draw: Random, address: str) -> str:
    """号楼 or 栋, 室 or 房: nobody writes it the same way twice."""
    address = address.replace("号楼", draw.choice(("号楼", "号楼", "栋", "幢", "座", "#", "#楼", "号")))
    address = re.sub(r"室$", draw.choice(("室", "室", "房", "号", "")), address)
    if draw.random() < 0.2:
        address = address.replace("单元", draw.choice(("-", "门")))
    return re.sub(r"(?<=[路街道])(\d+)号", r"\1#", address) if draw.random() < 0.2 else address


def _sub(pattern: str, by: str, count: int = 1) -> Callable[[Contact, Random], None]:
    compiled = re.compile(pattern)

    def spoil(contact: Contact, draw: Random) -> None:
        contact.address = compiled.sub(by, contact.address, count=count)

    return spoil


@cache
def _homophones() -> dict[str, list[str]]:
    """Common characters by how they sound."""
    found: dict[str, list[str]] = {}
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            character = bytes((high, low)).decode("gb2312", errors="ignore")
            if character:
                found.setdefault(sound(character), []).append(character)
    return found


@cache
def _traditional() -> dict[int, str]:
    text = resources.files("engine.intake.normalise").joinpath("simplified.txt").read_text(encoding="utf-8")
    traditional, simplified = (line for line in text.splitlines() if not line.startswith("#"))
    return {ord(s): t for t, s in zip(traditional, simplified, strict=True) if t not in "乾於餘"}


def _misheard(text: str, draw: Random, at: int) -> str:
    others = [c for c in _homophones().get(sound(text[at]), []) if c != text[at]]
    return text[:at] + draw.choice(others) + text[at + 1 :] if others else text


def _places(text: str) -> list[int]:
    return [at for at, c in enumerate(text) if "\u4e00" <= c <= "\u9fff"]


def _homo(contact: Contact, draw: Random) -> None:
    if len(places := _places(contact.name)) > 1:
        contact.name = _misheard(contact.name, draw, places[-1 if draw.random() < 0.5 else 1])


def _title(contact: Contact, draw: Random) -> None:
    if _places(contact.name) == list(range(len(contact.name))):
        contact.name = contact.name[: 2 if contact.name[:2] in _COMPOUND else 1] + draw.choice(_TITLES)


def _nmask(contact: Contact, draw: Random) -> None:
    name = contact.name
    if 2 <= len(name) <= 4 and len(_places(name)) == len(name):
        contact.name = (
            f"{name[0]}*{name[-1]}"
            if len(name) > 2 and draw.random() < 0.5
            else name[0] + "*" * (len(name) - 1)
        )


def _nick(contact: Contact, draw: Random) -> None:
    name = contact.name
    if 2 <= len(name) <= 3 and len(_places(name)) == len(name):
        contact.name = draw.choice(
            (f"阿{name[-1]}", f"{name[-1]}哥", f"{name[-1]}姐", f"小{name[0]}", name[-2:])
        )


def _npinyin(contact: Contact, draw: Random) -> None:
    if 2 <= len(contact.name) <= 4 and len(_places(contact.name)) == len(contact.name):
        cut = 2 if contact.name[:2] in _COMPOUND else 1
        parts = (contact.name[:cut], contact.name[cut:])
        contact.name = " ".join(sound(part).replace(" ", "").capitalize() for part in parts)


def _ndrop(contact: Contact, draw: Random) -> None:
    if len(contact.name) == 3 and len(_places(contact.name)) == 3:
        contact.name = contact.name[0] + contact.name[draw.choice((1, 2))]


def _digits(contact: Contact, draw: Random) -> None:
    if re.fullmatch(r"\d{11}", contact.phone):
        at = draw.randrange(3, 11)
        contact.phone = (
            contact.phone[:at]
            + str((int(contact.phone[at]) + draw.randrange(1, 10)) % 10)
            + contact.phone[at + 1 :]
        )


def _turned(contact: Contact, draw: Random) -> None:
    if re.fullmatch(r"\d{11}", contact.phone):
        at = draw.randrange(3, 10)
        contact.phone = (
            contact.phone[:at] + contact.phone[at + 1] + contact.phone[at] + contact.phone[at + 2 :]
        )


def _pmask(contact: Contact, draw: Random) -> None:
    contact.phone = re.sub(r"^(\d{3})\d{4}(\d{4})$", r"\1****\2", contact.phone)


def _pvirt(contact: Contact, draw: Random) -> None:
    if contact.phone:
        contact.phone = (
            f"184{draw.randrange(10**8):08d}{draw.choice(('转', '-', 'ext.'))}{draw.randrange(10**4):04d}"
        )


def _ahomo(contact: Contact, draw: Random) -> None:
    if places := _places(contact.address):
        contact.address = _misheard(contact.address, draw, draw.choice(places))


def _adel(contact: Contact, draw: Random) -> None:
    if places := _places(contact.address):
        at = draw.choice(places)
        contact.address = contact.address[:at] + contact.address[at + 1 :]


def _atrans(contact: Contact, draw: Random) -> None:
    text = contact.address
    at = draw.randrange(len(text) // 3, max(len(text) - 6, len(text) // 3 + 1))
    contact.address = text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def _cnnum(contact: Contact, draw: Random) -> None:
    contact.address = re.sub(
        r"(?<!\d)(\d{1,2})(?=号楼|栋|幢|座|单元|门)", lambda found: _numeral(int(found[1])), contact.address
    )


def _numeral(number: int) -> str:
    digits = "零一二三四五六七八九"
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones else "")


def _set(field: str, make: Callable[[str, Random], str]) -> Callable[[Contact, Random], None]:
    def spoil(contact: Contact, draw: Random) -> None:
        setattr(contact, field, make(getattr(contact, field), draw))

    return spoil


_DOOR = re.compile(r"(\d+)(?:号楼|栋|幢|座|#楼|#|号)(?:(\d)(?:单元|门|-))?(\d{3,4})[室房号]?$")


def _dashed(door: re.Match[str]) -> str:
    return "-".join(filter(None, door.groups()))


_HEAD = r"^(?:[\u4e00-\u9fff]{2,3}(?:省|自治区))?"

NOISE: dict[str, tuple[float, Callable[[Contact, Random], None]]] = {
    "homo": (0.10, _homo),
    "nrev": (0.007, _set("name", lambda name, _: name[0] + name[2] + name[1] if len(_places(name)) == len(name) == 3 else name)),
    "ndrop": (0.025, _ndrop),
    "nmask": (0.06, _nmask),
    "title": (0.058, _title),
    "nick": (0.036, _nick),
    "npinyin": (0.02, _npinyin),
    "ntag": (0.039, _set("name", lambda name, draw: name + draw.choice(_TAGS))),
    "ntrad": (0.035, _set("name", lambda name, _: name.translate(_traditional()))),
    "nspace": (0.03, _set("name", lambda name, draw: draw.choice((" ", "·", "　")).join(name) if len(_places(name)) == len(name) else name)),
    "p1off": (0.041, _digits),
    "ptrans": (0.019, _turned),
    "pmask": (0.064, _pmask),
    "pvirt": (0.035, _pvirt),
    "pnone": (0.01, _set("phone", lambda phone, _: "")),
    "pform": (0.06, _set("phone", lambda phone, draw: draw.choice((f"+86 {phone}", f"86{phone}")) if phone[:1] == "1" else phone)),
    "nodist": (0.153, _sub(r"(?<=市)[\u4e00-\u9fff]{2,3}?区", "")),
    "nocity": (0.147, _sub(_HEAD + r"[\u4e00-\u9fff]{2,3}市(?=[\u4e00-\u9fff]{2,4}区)", "")),
    "noprov": (0.285, _sub(r"^[\u4e00-\u9fff]{2,3}(?:省|自治区)", "")),
    "nosuffix": (0.148, _sub(r"^([\u4e00-\u9fff]{2,3})省([\u4e00-\u9fff]{2,3})市([\u4e00-\u9fff]{2,3})区", r"\1\2\3")),
    "noroad": (0.157, _sub(r"[\u4e00-\u9fff]{2}(?:[东西中北]?路|北?街(?!道)|大道)\d+[号#]", "")),
    "swap": (0.03, _sub(r"([\u4e00-\u9fff]{2}(?:[东西中北]路|路|北街|街(?!道)|大道)\d+[号#])([\u4e00-\u9fff]{3,5}?)(?=\d)", r"\2\1")),
    "xiaoqu": (0.20, _sub(r"(?<=[号#][\u4e00-\u9fff]{3})(?=\d)|(?<=[号#][\u4e00-\u9fff]{4})(?=\d)", "小区")),
    "noroom": (0.032, _sub(r"\d{3,4}[室房号]?$", "")),
    "dash": (0.154, _set("address", lambda text, _: _DOOR.sub(_dashed, text))),
    "cnnum": (0.049, _cnnum),
    "ahomo": (0.078, _ahomo),
    "adel": (0.037, _adel),
    "atrans": (0.02, _atrans),
    "atrad": (0.036, _set("address", lambda text, _: text.translate(_traditional()))),
    "fullw": (0.065, _set("address", lambda text, _: text.translate({0x30 + i: 0xFF10 + i for i in range(10)}))),
    "remark": (0.085, _set("address", lambda text, draw: text + draw.choice(_REMARKS))),
}  # fmt: skip
"""Kind → (how often, what it does)."""
