"""The words that the anonymous-text check knows: given names, and capitalised words that name nobody.

`GIVEN_NAMES` are common given names in Norway through a hundred years and several languages, in lower case, bokmål and nynorsk
alike. `ALSO_WORDS` are those among them that are everyday words too ("liv", "stein"): they are names only with a capital.
"""

from __future__ import annotations

from typing import Final

GIVEN_NAMES: Final = frozenset(
    """
    abdi abdullah ada adam adrian agnes ahmed aida aiden aileen aksel alba albert aleksander aleksandra alexander
    alexandra alfred ali alice alina alma amalie amanda amelia amina amir amira anders andrea andreas andrzej ane
    anette anita anja anna annabel anne annie anton are ariana arild arne arvid arvin asbjørn ask aslak asta astri
    astrid atle audun august aurora aya ayaan ayan ayden ayesha ayla barbro bastian beate ben benedikt benjamin bente
    berit bernt birger birgit birgitte birk birte bjarne bjarte bjørg bjørn bo brage bror brynhild brynjar brynjulf
    camilla carl carmen caroline carsten casper cathrine cecilie charlie charlotte chris christian christina christine
    christoffer clara colin conrad cornelia dag dagfinn dagny daniel daniela daniella david dennis dina dmytro dominik
    dorthe dylan ebba eda edel edith edvard edvin egil eileen eilif eilin einar eira eirik eirin eivind elea eleah
    elena eli elias elida elin elina eline elinor elisa elisabet elisabeth elise ella ellen ellie ellinor eloise elsa
    elvin elvira embla emil emilia emilie emily emine emma emmanuel emmet emrik endre enya erik erika erlend erling
    ermin ernst espen ester esther eva evelyn even fabian falk fanny farah fatima fatma felicia felix filip filippa
    finn fiona florian frank freddie fredrik fredrikke freja freya frida fride frode frøya gabriel gabriela gard geir
    georg gerd gina gisle gjermund gjertrud greta grete gro gry gudrun gunhild gunn gunnar gunnbjørn gunvor guro
    gustav hailey hallvard halvard halvdan halvor hamlet hamza hana hanna hannah hanne hans harald harriet harry hasan
    hassan hauk hayden hedda hedvig heidi heine helen helena helene helga helge helle helmer hennie henning henny
    henriette henrik henry herman hermine hibaq hilde hodan hugo hulda hussein håkon håvard ian iben ibrahim ida idun
    idunn imran ine ines inge ingeborg ingebret inger ingjerd ingrid ingvild iris isa isaac isabel isabell isabella
    isabelle isak ismael ismail ivar iver ivo jack jakob jakub jama jan jana janet janne jannet jannicke janniken
    jarle jasmin jasper jayden jeanette jenny jens jesper joachim joakim joel johan johanna johannes john johnny jon
    jonah jonas jonatan jonathan jone jonny jorid jorunn josef josefine josephine joshua jostein josten josva judith
    julia julian julianne julie juliet june juni jørgen jørn kacper kai kaia kaja kamil kamilla karen kari karin
    karina karl karoline karsten kasper katarina kate katharina kathrine katinka katja katrine kayla kenneth kevin
    khadija khalid kian kim kine kirsten kjell kjersti kjetil klara knut konrad kornelia kristian kristin kristina
    kristine kristoffer kurt kåre laila lana lars lasse laura laurits layla lea leah leander leif leila lena lene leni
    leo leon leona leonard leonora leora liam lilja lilje lilli lillian lillie lilly lily lina linda line linea linn
    linnea linus lisa lisbeth lise lisen liv live liza lone lotta lotte louis louise lovise luca lucas lucy ludvig
    luis luka lukas luna lydia lykke madeleine madelen mads magne magnhild magnus mai maia maiken maja malak malene
    malin malou marcus maren margareth margit margret margrete margrethe mari maria mariam marianne marie marielle
    mariken marina marion marit markus marlen marlene marta marte martha marthe marthine martin martine marwa mary
    maryam mateo mateusz mathea matheo mathias mathilde matilda matilde mats max maximilian maya melina melissa melvin
    merete mia michael michelle mie mikael mikail mikkel mikolaj mila milan milla millie milo mina mio mira miriam
    mohamed mohammad mohammed mona morten muhammad mustafa myriam møyfrid nadia nahom naomi natalia natalie nathan
    nathaniel nellie nelly nia nicholas niclas nicolai nicolas niklas nikola nikolai nils nimco nina noa noah noel
    nonna nora norah nova oda odd oddvar odin oksana ola olaf olav ole oleander oleksandr olga oliver olivia omar omer
    oscar oskar osman othilie ottilie otto ove owen patricia patrick patrik paul pauline peder per pernille peter
    petra petter phillip pia piotr preben pål qasim rachel ragnar ragnfrid ragnhild rakel ranveig rasmus ravn rebecca
    rebekka reidar reidun renate ricardo richard rita roar robert robin roger roland rolf ronja ronny rosa roy ruben
    runa rune rut ruth ryan saga sahra salim salma samira samson samuel sander sandra sanna sanne sara sarah sebastian
    selina selma selmer serine sienna sigmund signe signy sigrid sigurd sigurt silje simen simon sindre siri sissel
    siv sivert snorre sofia sofie sol solfrid solvei solveig sondre sonja sophia sophie steffen stein steinar stella
    sten stian stig stine storm sturla sturle styrk sunniva susanne svein sverre svetlana sylvia synne synnøve syver
    søren sørine tage tale tallak tara tarjei tea teo teodor terje thea theo theodin theodor theodora theresa therese
    thomas thor thora thorbjørn thorstein tia tiana tilda tilde tilla tim timian timo tina tindra tine tiril tobias
    toini tom tomas tommy tone tony tor tora torben torbjørn tord tore torgeir torgrim torhild torill torkel torstein
    torsten torunn torvald trine tristan trond trude trygve trym tuva tyra ulrik ulrikke una unni ursula valentina
    valter vanessa vegar vegard vera veronica vetle victor victoria vidar vigdis viggo viktor viktoria vilde vilja
    viljar villads villemo vilma vilmer vincent viola wanda warsame werner wiktoria wilhelm wilhelmine william wilma
    yasin yasmin yasmine ylva ylve yngve yngvild yonas yosef yousef yusra yusuf zacharias zahra zainab zakariya zara
    zoe zuzanna ådne åge åmund åsa åse åshild åsmund åsne øistein ørjan øydis øystein øyvind
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

SPELLED: Final = frozenset(
    """
    bla dvs evt fom iht ift jfr mao mht mtp osv pga tom
    """.split()  # noqa: SIM905
)
"""Abbreviations that are written with a dot after each letter."""

NOT_CALLED: Final = frozenset(
    """
    ad alle alt altså av bad bare barn baud begge begynte ble blei blev bra bruker både de dei den denne der dersom det
    dette dog drakk drog drov du døtre eg ei elever ellers en enn er et ett etter fann fant fekk fem fikk fire fleire
    flere flytta for foran fordi fra fram frem følte før først ga gav gikk gjekk gjerne glad god godt grein gråt gutt
    gutter ha hadde hald hang hatt heime helst heng her hit hjelp hjem hjemme ho hos hun hva hver hvis hvor i igjen ikke
    ikkje imot inn inne innen ja jamt jeg jente jenter jevnt jo kan kjem kom kor kun kunne kva kvar la langt lei ler les
    lik likte lo lot lyg lå låg mange med mellom men mens mer mest mot må måtte naud ned nei ni no noen nok noko nokon nær
    nå når ofte oftest og også om omkring opp oppe over på red redd reis reiv rett rev ring roleg rundt sa sang satt saug
    seg sei sein seint seks selv sendt sidan siden sint sist sjeldan sjelden sju sjuk sjøl skal skreik skreiv skrek skrev
    skriv skulle slapp slik sliten slo små snart som song sov sprang stakk steig sterkt stilt sto stod stort straks støtt
    svært syk syv søsken søstre så ti tidleg tidlig til tilbake titt to tok traff trakk trass tre treng trist trivst
    trolig tross truleg trygt trøtt tung tungt tvert under ungdom ut utan utanfor ute uten utenfor vaks vann vant var ved
    vekk vel veldig ven vev vi vidt vil vill ville vis vår våre året åtte
    """.split()  # noqa: SIM905
)
"""What may stand, with a small letter, where somebody's name could: after "barnet", or after "mor til"."""

CAPITALISED: Final = frozenset(
    """
    barnevernvakta bufdir helsedirektoratet internett nordmenn noreg norge norges norsk statped statsforvalteren
    stortinget utdanningsdirektoratet
    """.split()  # noqa: SIM905
)
"""Words written with a capital anywhere that point at no person and no small place."""

OPENERS: Final = frozenset(
    """
    adferd alene alle allerede allikevel alltid altså anbefaling andre angst anonym ansvar april assistent assistenten at
    atferd august av avdeling avdelingen avklar avklare avklaring avtal avtale avtalt bare barn barna barnehage barnehagen
    barnehagene barnehagens barnet barnets barnevern barnevernet begge begrep begreper begynne behov behovene bemanning
    ber bestefar bestemor bor bra bror bruk bruker bup både da dagen de dei deler den denne der deres deretter derfor
    derimot dermed dersom desember desse dessuten det dette dialog digital diskusjon diskuter drøft drøfte drøfting du då
    dårlig eg egentlig ei eit elev eleven elevene elevens elever ellers emne en enda ene engasjerte enighet er erfaring
    ergoterapeut ernæring et ett etter faktisk familie familien far faren farens fast fastlege februar fedre felles
    fellesskap fem finn fint fire flere flerspråklige flertallet flott fokus for fordi foreldra foreldre foreldremøte
    foreldrene foreldrenes foreldrepar foreløpig foresatt foresatte foresattes forklar forrige forslag fortsett fra
    frafall fram fravær fraværet fredager frem fremdeles frist fysioterapeut følg følger før førskolebarn førskolebarnet
    først første gammelt generelt gi gir gjelder gjennom gjør god godkjent godt greit gruppa gruppe gruppearbeid gruppen
    grupper gutt gutten guttene guttens gutter gå ha han hans har heile heldigvis hele helsestasjon helsestasjonen
    helsesykepleier hennes her hjelp hjemme hjemmet ho hold hos hun hva hvem hver hvilke hvilken hvilket hvis hvor hvordan
    hvorfor hygiene hør høsten i igjen ikke ikkje imidlertid informer ingen inkluderende inkludering inne innen innenfor
    innledning innspill inntil inviter ja januar jeg jenta jentas jenten jentene jenter jordmor juli juni kan kanskje
    kartlegg klart klassa klassen kom kommune kommunen kompetanse konflikter konkret kontakt korleis kort krever kun kunne
    kurs kva kvar kven kvifor lag langt ledelse leder ledere lege legg lek leken lekser lenge les lesevansker lesing lett
    likevel lite litt logoped lytt lærer lærere læreren lærerne læringsmiljø læringsmiljøet mai mamma man mandager mange
    mangel mangler mars mat matematikk me med meld mellom men mener mens mer mest miljø miljøet minoritetsspråklige
    mobbing mor mora moren morens mot motorikk mulig muligens mye mødre møt møte møter møtet må måtte nav nei neste nesten
    nettopp nettvett noe noen noko nokon nokre norskopplæring notat november ny nye nytt nærmere nå når observasjon
    observer ofte og også oktober om omkring omtrent onkel onsdager oppfølging oppgave oppgaver oppsummering over overgang
    overgangen overganger pappa pedagog pedagogen pedagogene pedagogisk personale personalet plan politiet ppt prøv på
    rammer referat regning rektor relasjoner ressurser riktignok ring ro rundt rus rutine rutiner råd rådgiver sak saken
    saksbehandler samarbeid samarbeidet sammen samtale samtalen samtaler samtidig sannsynligvis se selv send september ser
    sett siden sikker sist siste situasjon situasjonen skal skjer skjermbruk skole skolen skolene skolens skolestart skriv
    skriving skulle slik slike slt små småbarn snakk snakke snart som sommeren spesielt språk språket språkmiljø
    språkmiljøet spør spørsmål spørsmåla spørsmålet stadig start status stefar stemor stopp stor store stort styrer
    styreren styret styrk støtt sykefravær sykepleier syster særlig søsken søskenet søster søvn så sårbare ta takk tante
    team teamet tegn tegnspråk tekst tema tenk tenker ti tid tidlig til tilby tiltak tiltakene tiltaket tirsdager tlf to
    torsdager tospråklige trass tre tren trenger treårig trives trivsel trolig tross trygghet trygt uansett uklart ulike
    under ungdom ungdommen unge uro usikker ute uten utenfor utenom uteområdet utfordring utfordringen utfordringer utrygt
    uttale vanligvis vanskelig vansker var ved vedrørende veiledning veldig vennskap vi videre vikar vikarer vil ville
    vinteren vis voksen voksne vold vurder være vår våre våren vårt ønske ønsker øv åpenbart år året årsak
    """.split()  # noqa: SIM905
)
"""Words that often begin a sentence, and so have their capital for no other reason."""

OPENER_ENDINGS: Final = (
    "arbeid", "arbeidet", "barn", "barna", "dommen", "else", "elser", "en", "ende", "ene", "erte", "et", "heter", "ig", "inga",
    "ing", "inger", "isk", "iske", "klasse", "lige", "ligere", "messig", "miljø", "ning", "planer", "sjon", "sjoner", "skap",
    "tiltak", "timer", "tivt", "vansker", "vennlig",
)  # fmt: skip
"""Endings of common nouns and adjectives: a word that ends so may begin a sentence without being a name."""
