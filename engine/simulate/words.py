"""Who orders what from where: small word lists, and the names, addresses and goods made of them.

Everything here is a pure function of integers, so that a world's customer 17 is the same person in every order. The
names are put together at random and mean nobody.
"""

from __future__ import annotations

from typing import Any

SURNAMES = tuple(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万"
)
GIVEN = tuple(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国红梅志鹏云飞晨宇浩然子轩欣怡雨桐思远嘉宁文博佳琪俊凯雪莹海燕振东晓琳天佑若曦"
)
COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "皇甫")

PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("上海市", "上海市", ("浦东新区", "徐汇区", "静安区", "闵行区", "杨浦区")),
    ("北京市", "北京市", ("朝阳区", "海淀区", "丰台区", "通州区")),
    ("广东省", "深圳市", ("南山区", "福田区", "宝安区", "龙岗区")),
    ("广东省", "广州市", ("天河区", "越秀区", "番禺区")),
    ("浙江省", "杭州市", ("西湖区", "余杭区", "滨江区", "萧山区")),
    ("浙江省", "宁波市", ("鄞州区", "江北区", "海曙区")),
    ("江苏省", "南京市", ("鼓楼区", "江宁区", "玄武区")),
    ("江苏省", "苏州市", ("姑苏区", "吴中区", "昆山市")),
    ("四川省", "成都市", ("锦江区", "武侯区", "高新区", "双流区")),
    ("湖北省", "武汉市", ("洪山区", "江汉区", "武昌区")),
    ("陕西省", "西安市", ("雁塔区", "碑林区", "未央区")),
    ("湖南省", "长沙市", ("岳麓区", "雨花区", "芙蓉区")),
    ("山东省", "青岛市", ("市南区", "崂山区", "黄岛区")),
    ("福建省", "厦门市", ("思明区", "湖里区", "集美区")),
    ("重庆市", "重庆市", ("渝中区", "江北区", "沙坪坝区")),
    ("辽宁省", "沈阳市", ("和平区", "铁西区", "浑南区")),
)
STREETS = (
    "人民路",
    "解放大道",
    "中山北路",
    "建设街",
    "朝阳南路",
    "江东大道",
    "文三路",
    "学院路",
    "长江西路",
    "滨海大道",
    "科技园路",
    "和平街",
    "桂花巷",
    "新华路",
    "团结湖路",
    "锦绣路",
    "望京街",
    "凤凰路",
    "东风路",
    "迎宾大道",
)
ESTATES = (
    "丽景名苑",
    "星河名苑",
    "阳光花园",
    "万科城",
    "碧水湾",
    "金桂苑",
    "翠湖天地",
    "东方明珠公寓",
    "书香门第",
    "御景华府",
    "绿地中心",
    "荷塘月色",
    "都市家园",
    "锦绣山庄",
    "海棠公馆",
    "云栖里",
)

_FIRST_NAMES = """
Robert William James Michael Thomas Daniel Christopher Matthew Anthony Steven Elizabeth Katherine
Jennifer Margaret Patricia Rebecca Samantha Victoria Susan Linda Maria Laura Emma Olivia Noah Liam Ethan
Lucas Grace Hannah
"""
_LAST_NAMES = """
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Wilson Anderson
Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright
Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts
O'Brien McDonald Schmidt Kowalski
"""
FIRST_NAMES, LAST_NAMES = tuple(_FIRST_NAMES.split()), tuple(_LAST_NAMES.split())
ENGLISH_STREETS = (
    "Maple Ave",
    "Oak St",
    "2nd St",
    "Lakeview Dr",
    "Sunset Blvd",
    "Hill Rd",
    "Cedar Ln",
    "Main St",
    "N Park Ave",
    "Washington St",
    "W 4th Ave",
    "Riverside Dr",
)
ENGLISH_PLACES = (
    ("CA", "San Jose", "95112", "408"),
    ("WA", "Seattle", "98101", "206"),
    ("NY", "Brooklyn", "11201", "718"),
    ("TX", "Austin", "78701", "512"),
    ("MA", "Boston", "02108", "617"),
    ("IL", "Chicago", "60601", "312"),
)
"""(state, city, postcode, the area code of its phones)."""

MOBILE_PREFIXES = (
    "130",
    "135",
    "136",
    "137",
    "138",
    "139",
    "150",
    "158",
    "159",
    "177",
    "186",
    "188",
    "189",
    "198",
)

GOODS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "general": (
        ("TEE-COTTON-M", 5900, 220),
        ("MUG-CERAMIC-350", 2900, 410),
        ("TOWEL-BATH-GREY", 4500, 380),
        ("CHARGER-65W", 12900, 180),
        ("NOTEBOOK-A5-3P", 1990, 450),
        ("SHAMPOO-500ML", 6900, 560),
        ("SOCKS-5P", 3990, 150),
        ("LAMP-DESK-LED", 15900, 1200),
        ("UMBRELLA-AUTO", 7900, 520),
        ("YOGA-MAT-8MM", 8900, 1100),
    ),
    "fresh": (
        ("STRAWBERRY-500G", 3590, 560),
        ("SALMON-300G", 6800, 340),
        ("MILK-950ML-2P", 2980, 2000),
        ("BEEF-SLICED-400G", 5990, 450),
        ("LETTUCE-BOX", 1290, 400),
        ("CRAB-HAIRY-6P", 26800, 1300),
    ),
    "presale": (
        ("COAT-DOWN-L", 69900, 1300),
        ("SNEAKER-RUN-42", 49900, 900),
        ("VACUUM-CORDLESS", 129900, 3400),
        ("SKINCARE-GIFT-SET", 89900, 1600),
    ),
    "custom": (
        ("ALBUM-PRINTED-40P", 16800, 900),
        ("RING-ENGRAVED", 45900, 60),
        ("SHIRT-TAILORED", 39900, 300),
    ),
    "high_value": (
        ("PHONE-PRO-512G", 899900, 420),
        ("LAPTOP-14-32G", 1199900, 2100),
        ("WATCH-AUTOMATIC", 2680000, 260),
        ("CAMERA-FULLFRAME", 1589900, 1300),
    ),
}
"""Category → goods as (sku, price in minor units, grams)."""

_MASK = (1 << 64) - 1


def mixed(number: int, salt: int) -> int:
    """splitmix64: a 64-bit integer that looks random and is the same everywhere, whatever PYTHONHASHSEED."""
    z = (number * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


_FACTORS = tuple(int("61803398874989484820"[:digits] + "7") for digits in range(20))
"""By number of digits less one: the golden section, which spreads neighbours widest, ended in a 7."""


def scrambled(number: int, digits: int, salt: int) -> str:
    """A number of `digits` digits that no other `number` below 10**digits shares: a factor that 2 and 5 do not divide
    only permutes them."""
    return f"{((number + 1) * _FACTORS[digits - 1] + salt * 104_729) % 10**digits:0{digits}d}"


def person(rank: int, seed: int, channel: str) -> dict[str, Any]:
    """The customer of popularity `rank`, as the channel knows them: the fields of `schemas` Customer. Those of the shop
    abroad are other people than those at home."""
    h = mixed(rank, seed)
    if channel == "shopify":
        area = ENGLISH_PLACES[mixed(rank, seed + 2) % len(ENGLISH_PLACES)][3]
        return {
            "account": f"{channel}_{h >> 44:05x}{rank:x}",
            "name": f"{FIRST_NAMES[h % len(FIRST_NAMES)]} {LAST_NAMES[(h >> 7) % len(LAST_NAMES)]}",
            "phone": f"+1{area}{200 + (h >> 16) % 800}{(h >> 26) % 10_000:04d}",
            "email": f"buyer.{rank:x}.{h >> 52:03x}@example.com",
        }
    surname = SURNAMES[h % len(SURNAMES)] if h % 97 else COMPOUND_SURNAMES[(h >> 7) % len(COMPOUND_SURNAMES)]
    given = GIVEN[(h >> 12) % len(GIVEN)]
    if h >> 20 & 3:
        given += GIVEN[(h >> 22) % len(GIVEN)]
    prefix = MOBILE_PREFIXES[(h >> 30) % len(MOBILE_PREFIXES)]
    who = {
        "account": f"{channel}_{h >> 44:05x}{rank:x}",
        "name": surname + given,
        "phone": f"{prefix}{(h >> 16) % 10**8:08d}",
    }
    if channel == "wechat":
        who["openid"] = f"o{mixed(rank, seed + 1):016x}{h & 0xFFFFFFFFF:09x}"
    return who


def address(rank: int, seed: int, channel: str) -> dict[str, Any]:
    """Where that customer lives: the fields of `schemas` Address."""
    h = mixed(rank, seed + 2)
    if channel == "shopify":
        region, city, postcode, _ = ENGLISH_PLACES[h % len(ENGLISH_PLACES)]
        street = ENGLISH_STREETS[(h >> 8) % len(ENGLISH_STREETS)]
        return {
            "text": f"{(h >> 16) % 1900 + 10} {street}",
            "country": "US",
            "region": region,
            "city": city,
            "postcode": postcode,
        }
    region, city, districts = PLACES[h % len(PLACES)]
    street = STREETS[(h >> 12) % len(STREETS)]
    estate = ESTATES[(h >> 18) % len(ESTATES)]
    text = f"{street}{(h >> 24) % 980 + 1}号{estate}{(h >> 34) % 30 + 1}栋{(h >> 40) % 28 + 1}0{(h >> 46) % 4 + 1}室"
    return {
        "country": "CN",
        "region": region,
        "city": city,
        "district": districts[(h >> 8) % len(districts)],
        "text": text,
    }
