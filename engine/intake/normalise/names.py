"""Names: what is the surname, what the given name, what a title, and how it sounds."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.intake.normalise.text import SURNAME_SOUNDS, folded, is_han, phonetic, plain, sound

Name = tuple[str, str, str, str, str]
"""(name, kind, surname, given, sound), as `Derived` has them."""

NOBODY: Name = ("", "", "", "", "")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMPOUND = _words(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙"
    " 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干"
    " 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘 贯丘 公皙 南荣"
    " 东里 东宫 仲长 子书 子桑 即墨 达奚 褚师 纳兰 完颜 叶赫"
)
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞"
    "熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁"
    "单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁"
    "仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰"
    "郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃"
    "利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖覃付代闫涂仝岳苑佟信原战揭练"
    "修占展税台禚初楚肇苟丛亢兰楼撒由商牟鹿朴线况晋郄邸冼阳海".replace(" ", "")
)
_TITLE = re.compile(
    r"(?:女士|先生|小姐|老师|太太|夫人|师傅|经理|主任|老板|医生|教授|同学|阿姨|大哥|大姐|总|董|工|哥|姐|叔|姨|嫂|爷|奶|妹|弟)$"
)
_FORMAL = re.compile(r"(?:女士|先生|小姐|老师|太太|夫人|师傅|经理|主任|老板|医生|教授|同学|阿姨|总|工)$")
_TAG = re.compile(r"\([^)]*\)?|\[[^\]]*\]?|【[^】]*】?|(?:代收|亲收|转交|收件|签收|收|启)$")
_FILLING = re.compile(r"[\s·•・.。,，、_\-]+")
_MASKS = re.compile(r"\*+|[xX＊●某]{1,3}(?=[\u3400-\u9fff]|$)")

_LATIN_TITLES = _words("mr mrs ms miss mx dr prof sir madam mme mlle herr frau sr sra jr ii iii esq phd md")
_LATIN_PARTS = _words("van von de da di du del della der den dos das la le el al bin ibn mc mac st")
_LATIN_FILLING = re.compile(r"[^\w*\s]+")


@lru_cache(maxsize=1 << 16)
def name_of(text: str) -> Name:
    """A name as it was written → its parts; NOBODY for an empty one."""
    text = folded(text).strip()
    if not text:
        return NOBODY
    return _han(text) if is_han(text) else _latin(text)


def _han(text: str) -> Name:
    name = _FILLING.sub("", _TAG.sub("", text))
    name = _FILLING.sub("", _TAG.sub("", name)) or _FILLING.sub("", text)
    masked = _MASKS.sub("*", name)
    if "*" in masked:
        surname = "" if masked[0] == "*" else _surname(masked.rstrip("*"))
        return masked, "masked", surname, "", sound(masked)
    if len(name) > 1 and (name[0] in "阿小老大" or _TITLE.search(name)) and (found := _familiar(name)):
        return found
    surname = _surname(name)
    given = name[len(surname) :]
    if not given or (not surname and len(name) <= 2):
        kind = "surname" if surname and len(name) == len(surname) else "nick"
        return name, kind, surname, "", sound(name)
    if not surname and len(name) > 4:
        return name, "nick", "", "", sound(name)  # a company, a word for oneself
    spoken = SURNAME_SOUNDS.get(surname)
    return name, "full", surname, given, f"{spoken or sound(surname)} {sound(given)}".strip()


def _familiar(name: str) -> Name | None:
    """袁女士, 凯姐, 小王, 阿伊; None for a full name that only looks so (大哥's 哥 may be a given name's)."""
    if name[0] in "阿小老大" and len(name) in (2, 3) and name[1:] not in _COMPOUND:
        rest = _TITLE.sub("", name[1:]) or name[1:]
        if len(name) == 2 or len(rest) == 1 or name[0] not in _SURNAMES:
            return rest, "nick", "", "", sound(rest)
    rest = _FORMAL.sub("", name)
    if rest != name and rest:
        if rest in _COMPOUND or (len(rest) == 1 and rest in _SURNAMES):
            return rest, "surname", rest, "", SURNAME_SOUNDS.get(rest) or sound(rest)
        surname = _surname(rest)
        # 王总 is a title, 王静总 hardly: but a formal title of two characters is no given name.
        if len(name) - len(rest) == 2 and rest != surname:
            found = _han(rest)
            return found if found[1] != "nick" else (rest, "nick", "", "", sound(rest))
        return (rest, "nick", "", "", sound(rest)) if len(rest) == 1 else None
    rest = _TITLE.sub("", name)
    if rest != name and len(rest) == 1:
        return rest, "nick", "", "", sound(rest)
    return None


def _surname(name: str) -> str:
    if name[:2] in _COMPOUND:
        return name[:2]
    return name[:1] if name[:1] in _SURNAMES else ""


def _latin(text: str) -> Name:
    if "," in text:
        last, _, first = text.partition(",")
        text = f"{first} {last}"
    words = [
        w
        for w in _LATIN_FILLING.sub("", plain(text).replace("-", " ").replace(".", " ")).split()
        if w not in _LATIN_TITLES
    ]
    if not words:
        return NOBODY
    name = " ".join(words)
    if "*" in name:
        return name, "masked", words[-1] if "*" not in words[-1] else "", "", name
    if len(words) == 1:
        return name, "single", "", name, phonetic(name)
    at = len(words) - 1
    while at > 1 and words[at - 1] in _LATIN_PARTS:
        at -= 1
    return name, "latin", " ".join(words[at:]), " ".join(words[:at]), phonetic(name)
