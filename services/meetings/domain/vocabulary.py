"""The words that the anonymous-text check knows: given names, and capitalised words that name nobody.

`GIVEN_NAMES` are common given names in Norway through a hundred years and several languages, in lower case, bokmål and nynorsk
alike. `ALSO_WORDS` are those among them that are everyday words too ("liv", "stein"): they are names only with a capital.
"""

from __future__ import annotations

from typing import Final

GIVEN_NAMES: Final = frozenset(
    """
    abdi abdullah ada adam adrian agnes ahmed aida aksel alba albert aleksander aleksandra alexander alexandra alfred
    ali alice alina alma amalie amanda amelia amina amir amira anders andrea andreas andrzej ane anette anita anja
    anna annabel anne annie anton are ariana arild arne arvid arvin asbjørn ask aslak asta astri astrid atle audun
    august aurora aya ayaan ayan ayesha ayla barbro bastian beate ben benjamin bente berit bernt birger birgit
    birgitte birk birte bjarne bjørg bjørn bo brage bror brynjar brynjulf camilla carl carmen caroline casper cathrine
    cecilie charlie charlotte chris christian christina christine christoffer clara conrad cornelia dag dagfinn dagny
    daniel daniela daniella david dennis dina dmytro dominik dorthe dylan ebba eda edel edith edvard egil eilif eilin
    einar eira eirik eirin eivind elea eleah elena eli elias elida elin elina eline elinor elisa elisabeth elise ella
    ellen ellie ellinor eloise elsa elvira embla emil emilia emilie emily emine emma emmanuel emrik endre enya erik
    erika erlend erling ermin ernst ester esther eva evelyn even fabian falk fanny farah fatima fatma felicia felix
    filip filippa finn fiona florian frank freddie fredrik fredrikke freja freya frida fride frode frøya gabriel
    gabriela gard geir georg gerd gina gisle gjermund gjertrud greta grete gro gry gudrun gunhild gunn gunnar gunvor
    guro gustav hailey halvard halvor hamza hana hanna hannah hanne hans harald harry hassan hauk hedda hedvig heidi
    heine helen helena helene helga helge helle helmer hennie henning henny henriette henrik henry herman hermine
    hibaq hilde hodan hugo hulda håkon håvard ian iben ibrahim ida idun idunn imran ine ines inge ingeborg inger
    ingrid ingvild iris isa isaac isabel isabell isabella isabelle isak ismael ismail ivar iver ivo jack jakob jakub
    jama jan jana janne jannicke janniken jarle jasmin jasper jeanette jenny jens jesper joachim joakim joel johan
    johanna johannes john johnny jon jonah jonas jonatan jonathan jone jonny jorunn josef josefine josephine joshua
    jostein josva judith julia julian julianne julie june juni jørgen jørn kacper kai kaia kaja kamil kamilla karen
    kari karin karina karl karoline karsten kasper katarina kate katharina kathrine katinka katja katrine kayla
    kenneth kevin khadija khalid kian kim kine kirsten kjell kjersti kjetil klara knut konrad kornelia kristian
    kristin kristina kristine kristoffer kurt kåre laila lana lars lasse laura laurits layla lea leah leander leif
    leila lena lene leni leo leon leona leonard leonora leora liam lilja lilje lilli lillian lillie lilly lily lina
    linda line linea linn linnea linus lisa lisbeth lise liv live liza lone lotta lotte louis louise lovise luca lucas
    lucy ludvig luis luka lukas luna lydia lykke madeleine madelen mads magne magnhild magnus mai maia maja malak
    malene malin malou marcus maren margit margrete margrethe mari maria mariam marianne marie marielle marina marion
    marit markus marlene marta marte martha marthe marthine martin martine marwa mary maryam mateo mateusz mathea
    matheo mathias mathilde matilda matilde mats max maximilian maya melina melissa merete mia michael michelle mie
    mikael mikail mikkel mikolaj mila milan milla millie milo mina mio mira miriam mohamed mohammad mohammed mona
    morten muhammad mustafa myriam møyfrid nadia nahom naomi natalia natalie nathan nathaniel nellie nelly nia
    nicholas niclas nicolai nicolas niklas nikola nikolai nils nimco nina noa noah noel nonna nora norah nova oda odd
    oddvar odin oksana ola olaf olav ole oleander oleksandr olga oliver olivia omar omer oscar oskar othilie ottilie
    otto ove patricia patrick patrik paul pauline peder per pernille peter petra petter phillip pia piotr preben pål
    qasim rachel ragnar ragnhild rakel ranveig rasmus rebecca rebekka reidar reidun renate ricardo richard rita roar
    robert robin roger roland rolf ronja ronny rosa roy ruben runa rune rut ruth ryan saga sahra salim salma samira
    samson samuel sander sandra sanna sanne sara sarah sebastian selina selma selmer serine sienna sigmund signe signy
    sigrid sigurd sigurt silje simen simon sindre siri sissel siv sivert snorre sofia sofie sol solfrid solveig sondre
    sonja sophia sophie stein steinar stella sten stian stig stine storm sturla sturle styrk sunniva susanne svein
    sverre svetlana sylvia synne synnøve syver søren tage tale tallak tara tarjei tea teo teodor terje thea theo
    theodor theodora theresa therese thomas thor thora thorbjørn thorstein tia tiana tilda tilde tilla tim timian timo
    tina tindra tine tiril tobias toini tom tomas tommy tone tony tor tora torbjørn tord tore torgeir torgrim torhild
    torill torkel torstein torunn trine tristan trond trude trygve trym tuva tyra ulrik ulrikke una unni ursula
    valentina valter vanessa vegar vegard vera veronica vetle victor victoria vidar vigdis viggo viktor viktoria vilde
    vilja viljar villads villemo vilma vincent viola wanda warsame werner wiktoria wilhelm wilhelmine william wilma
    yasin yasmin yasmine ylva ylve yngve yngvild yonas yosef yousef yusuf zacharias zahra zainab zakariya zara zoe
    zuzanna ådne åge åmund åsa åse åshild åsmund øistein ørjan øystein øyvind
    """.split()  # noqa: SIM905
)

ALSO_WORDS: Final = frozenset(
    """
    ane are ask august ben bjørn bo bror dag edel ester even falk finn frank gard gro gry hauk helge helle inge jan
    juni kai kim kåre lilje line liv live lone lykke mai mari max nova odd ove per rosa roy rune rut saga siv sol
    stein sten stig storm styrk tage tale terje tia tim tom tone tor tord tore vera vilja viola
    """.split()  # noqa: SIM905
)

ACRONYMS: Final = frozenset(
    """
    ADHD AKS ART ASK ASQ BHG BTI BUF BUFDIR BUFETAT BUP COS DPS FACT FMB FN GDPR HFU ICDP IOP IP IQ IT KI KOR NAV OT
    PALS PMTO PP PPS PPT PULS SFO SLT SPL SSB TFF TRAS TST TV UDIR
    """.split()  # noqa: SIM905
)

CAPITALISED: Final = frozenset(
    """
    barnevernvakta bufdir helsedirektoratet internett nordmenn noreg norge norges norsk statped statsforvalteren
    stortinget utdanningsdirektoratet
    """.split()  # noqa: SIM905
)
"""Words written with a capital anywhere that point at no person and no small place."""

OPENERS: Final = frozenset(
    """
    adferd alle allerede alltid altså anbefaling andre angst anonym ansvar april at atferd august av avdeling
    avdelingen avklare avklaring avtale avtalt bare barn barna barnehage barnehagen barnehagens barnet barnets
    barnevern barnevernet begge begrep begreper begynne behov bemanning ber bor bra bruk bruker både da dagen de dei
    deler den denne der deretter derfor dermed dersom desember desse dessuten det dette dialog digital diskusjon
    drøfte drøfting du då eg ei eit eleven elevene elevens elever ellers emne en enda ene engasjerte enighet er
    erfaring ernæring et ett etter far faren farens fast februar felles fellesskap fem fire flere flerspråklige
    flertallet fokus for foreldra foreldre foreldremøte foreldrene foreldrenes foresatt foresatte foresattes forrige
    forslag fra frafall fram fravær fraværet fredager frem fremdeles frist følger før førskolebarn førskolebarnet
    første gi gir gjelder gjennom god godkjent godt gruppa gruppearbeid gruppen grupper gutt gutten guttene guttens
    gutter ha han hans har heile heldigvis hele helsestasjon helsestasjonen helsesykepleier hennes her hjelp hjemme
    hjemmet ho hos hun hva hvem hver hvilke hvilken hvilket hvis hvor hvordan hvorfor hygiene høsten i igjen ikke
    ikkje ingen inkluderende inkludering inne innledning innspill ja januar jeg jenta jentas jenten jentene jenter
    juli juni kan kanskje klassa klassen kommune kommunen kompetanse konflikter konkret kontakt korleis kort krever
    kunne kurs kva kvar kven kvifor lag langt lek leken lekser lenge lesevansker lesing lite lærer lærere læreren
    lærerne læringsmiljø læringsmiljøet mai man mandager mange mars mat matematikk me med mellom men mener mens mer
    mest miljø miljøet minoritetsspråklige mobbing mor mora moren morens motorikk mulig må måtte møte møter møtet nei
    neste nesten nettvett noe noen noko nokon nokre norskopplæring notat november ny nye nå når nærmere observasjon
    ofte og også oktober om omtrent onsdager oppfølging oppgave oppgaver oppsummering overgang overgangen overganger
    pedagog pedagogen pedagogene pedagogisk personale personalet plan ppt på rammer referat regning rektor relasjoner
    ressurser ro rus rutine rutiner råd sak saken samarbeid samarbeidet samtale samtalen samtaler samtidig se selv
    september ser siden siste situasjon situasjonen skal skjer skjermbruk skole skolen skolens skolestart skriving
    skulle slik slike små snakke snart som sommeren språk språket språkmiljø språkmiljøet spørsmål spørsmålet stadig
    start status stor store styrer styreren sykefravær sykepleier så sårbare særlig søsken søskenet søvn ta takk team
    teamet tegn tegnspråk tekst tema tenker ti tid tidlig til tiltak tiltakene tiltaket tirsdager tlf to torsdager
    tospråklige tre trenger treårig trives trivsel trolig tross trygghet ulike under ungdom ungdommen unge uro uten
    utenom uteområdet utfordring utfordringen utfordringer uttale vanligvis vansker var ved vedrørende veiledning
    veldig vennskap vi videre vikar vil ville vinteren voksen voksne vold vår våre våren vårt være åpenbart år året
    årsak ønske ønsker
    """.split()  # noqa: SIM905
)
"""Words that often begin a sentence, and so have their capital for no other reason."""

OPENER_ENDINGS: Final = (
    "ende", "else", "elsen", "elser", "elsene", "heten", "heter", "hetene", "ingen", "inga", "inger", "ingene", "ning", "sjon",
    "sjonen", "sjoner", "skap", "skapet", "tivt", "vennlig", "messig", "isk", "iske", "dommen", "lige", "ligere", "erte",
    "miljø", "miljøet", "arbeid", "arbeidet", "vansker", "barna", "barnet", "barn", "gruppa", "gruppen", "plan", "planen", "planer",
    "tiltak", "tiltaket", "tiltakene", "møte", "møtet", "møter", "timer", "timene", "klassen", "klasse",
)  # fmt: skip
"""Endings of common nouns and adjectives: a longer word that ends so begins a sentence without being a name."""
